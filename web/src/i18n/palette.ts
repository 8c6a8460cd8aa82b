// The part of the catalogue that only the palette and the list of shortcuts need.
import palette from "./palette.json";
import { learn } from "./t";

learn(palette);
