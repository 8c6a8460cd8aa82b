// What files need beside the field in which a message is written. It comes behind the composer, in one piece.
export { default as AttachButton } from "./attach-button";
export { default as AttachmentChips } from "./attachment-chips";
export { Uploads } from "./uploads";
