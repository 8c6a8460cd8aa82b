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
/** How full the model's window is, and what stands for older messages. */
export type Context = Schemas["Context"];
export type Summary = Schemas["Summary"];
export type Effort = Schemas["Effort"];
/** What can be changed of a chat; what is left out stays. */
export type ChatChange = Schemas["ChatPatch"];
/** Which chats a list shows; `none` stands for no folder. */
export interface ChatFilter {
  archived?: boolean;
  folder?: string;
}
export type Folder = Schemas["Folder"];
/** A message that a search has found. */
export type Found = Schemas["Found"];
/** What narrows a search; the days are those of a calendar, both included. */
export interface SearchFilter {
  chat?: string;
  role?: "user" | "assistant";
  from?: string;
  to?: string;
}
export type Given = Schemas["Given"];
export type NewInstructions = Schemas["NewInstructions"];
export type Message = Schemas["Message"];
/** A file that came with a message, or is to go along with one. */
export type Attachment = Schemas["Attachment"];
export type MessageStatus = Schemas["Status"];
export type Author = Schemas["Author"];
export type Approval = Schemas["Approval"];
export type ApprovalLine = Schemas["ApprovalLine"];
export type ApprovalAnswer = Schemas["ApprovalAnswer"];
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

export type Space = Schemas["Space"];
/** What arrives while the walls are tried: each attempt as it ends, then one closing line. */
export type WallsEvent = Schemas["WallsEvent"];
export type WallsAttempt = Extract<WallsEvent, { type: "attempt" }>;
/** What went to one host on one day. */
export type EgressDay = Schemas["Went"];
export type EgressHost = Schemas["AllowedHost"];

export type UsageEntry = Schemas["UsageEntry"];
export type UsageBy = NonNullable<NonNullable<paths["/api/v1/usage"]["get"]["parameters"]["query"]>["by"]>;
/** How far a usage limit is used. */
export type Limit = Schemas["Limit"];
export type LimitNotice = Schemas["Notice"];
/** Somebody with an account, as the administrator sees her. */
export type Member = Schemas["Member"];

/** What arrives on the stream of a chat. Everything the thread shows is a fold over these; each has its sentence in
 * the description. */
export type ChatEvent = Schemas["Event"];
