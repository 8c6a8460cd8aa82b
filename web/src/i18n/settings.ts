// The part of the catalogue that only the settings need. A page that uses one of its keys imports this file.
import settings from "./settings.json";
import { learn } from "./t";

learn(settings);
