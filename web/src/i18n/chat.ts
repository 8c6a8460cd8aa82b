// The part of the catalogue that only an open chat needs. A file that uses one of its keys imports this one.
import chat from "./chat.json";
import { learn } from "./t";

learn(chat);
