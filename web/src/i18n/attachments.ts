// The part of the catalogue that only files need. A file that uses one of its keys imports this one.
import attachments from "./attachments.json";
import { learn } from "./t";

learn(attachments);
