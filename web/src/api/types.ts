// The shapes that the server speaks, under the names that the app uses. They come from the generated description.
import type { components, paths } from "./schema";

export type { paths };
type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type AuthOptions = Schemas["Options"];
export type SignUp = Schemas["SignUpBody"];
export type Session = Schemas["Session"];
export type Installation = Schemas["Installation"];
export type Chat = Schemas["Chat"];
export type Message = Schemas["Message"];
export type MessageStatus = Schemas["Status"];
export type Author = Schemas["Author"];
export type Part = Schemas["Part"];
export type ToolPart = Extract<Part, { type: "tool" }>;
export type ToolStatus = Schemas["CallStatus"];
export type FileVersion = Schemas["FileRef"];
export type MemoryVersion = Schemas["VersionEntry"];
export type Usage = Schemas["Usage"];
export type Problem = Schemas["Problem"];
export type Sent = Schemas["Sent"];
export type Provider = Schemas["Provider"];
export type LocalServer = Schemas["LocalServer"];

/** A person's space as Settings show it. */
export type Space = Schemas["Space"] & {
  /** The level of the walls, by its name. */
  level?: string;
  /** The walls that are not up, and why, when the server knows. */
  missing?: Array<{ wall: string; why?: string | null }>;
};

/** What arrives while the walls are tried: each attempt as it ends, then one closing line. */
export type WallsEvent =
  | { type: "attempt"; name: string; words: string; outcome: "refused" | "succeeded" | "skipped"; by?: string | null }
  | { type: "finished"; tried: number; refused: number; succeeded: number };
export type WallsAttempt = Extract<WallsEvent, { type: "attempt" }>;

/** What went to one host on one day (UTC): calls let through and refused, and bytes. Never paths, never content. */
export interface EgressDay {
  host: string;
  day: string;
  calls: number;
  refused: number;
  sent: number;
  received: number;
}
/** A host that the person's assistant may speak to. */
export interface EgressHost {
  host: string;
  port: number;
  from: "provider" | "person" | (string & {});
  since?: string | null;
}

/** What arrives on the stream of a chat. Everything the thread shows is a fold over these; each has its sentence in
 * the description. */
export type ChatEvent = Schemas["Event"];
