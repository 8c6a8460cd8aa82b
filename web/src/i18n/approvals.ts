// The part of the catalogue that only approval requests need. A file that uses one of its keys imports this one.
import approvals from "./approvals.json";
import { learn } from "./t";

learn(approvals);
