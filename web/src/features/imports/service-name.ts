// Other assistants have names that are the same in every language.
import type { Import } from "../../api/imports";

const NAMES = { chatgpt: "ChatGPT", claude: "Claude" };

export const serviceName = (service: Import["preview"]["service"]): string => (service ? NAMES[service] : "");
