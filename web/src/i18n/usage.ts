// The part of the catalogue that only usage and its limits need. A file that uses one of its keys imports this one.
import { learn } from "./t";
import usage from "./usage.json";

learn(usage);
