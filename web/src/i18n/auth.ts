// The part of the catalogue that only signing in and making an account need. A file that uses one of its keys imports this one.
import auth from "./auth.json";
import { learn } from "./t";

learn(auth);
