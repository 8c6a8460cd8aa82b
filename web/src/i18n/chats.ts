// The part of the catalogue for finding and ordering chats. A page that uses one of its keys imports this file.
import chats from "./chats.json";
import { learn } from "./t";

learn(chats);
