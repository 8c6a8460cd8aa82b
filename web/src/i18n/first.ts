// The part of the catalogue that only an empty chat needs. A file that uses one of its keys imports this one.
import first from "./first.json";
import { learn } from "./t";

learn(first);
