// The part of the catalogue that only the imports need. A page that uses one of its keys imports this file.
import imports from "./imports.json";
import { learn } from "./t";

learn(imports);
