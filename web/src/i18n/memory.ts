// The part of the catalogue that only showing the memory needs. A file that uses one of its keys imports this one.
import memory from "./memory.json";
import { learn } from "./t";

learn(memory);
