// The part of the catalogue that only connecting a provider needs. A file that uses one of its keys imports this one.
import provider from "./provider.json";
import { learn } from "./t";

learn(provider);
