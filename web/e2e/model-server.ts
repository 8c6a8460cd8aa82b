// A model server on this machine, for the installation under test to find: it takes a free one of the ports on which
// such servers usually listen, lists a model, and lets the stand-in write the answers.
import { createServer, request as ask } from "node:http";
import type { Page } from "@playwright/test";
import { isFake, world } from "./people";

export const MODEL = "llama3.2:3b";

/** The ports that Ally looks at (`ally_llm::local`). */
const PORTS = [11434, 1234, 8080, 8081, 8000, 5001, 1337, 4891];

export interface ModelServer {
  url: string;
  close: () => Promise<void>;
}

export async function startModelServer(page: Page): Promise<ModelServer> {
  if (isFake) {
    const url = "http://127.0.0.1:11434";
    await world(page, { servers: [{ url, name: "Ollama", models: [MODEL] }] });
    return { url, close: async () => world(page, { servers: [] }) };
  }
  const standIn = process.env.ALLY_E2E_STAND_IN ?? "";
  const server = createServer((asked, answer) => {
    if (asked.method === "GET" && asked.url === "/v1/models") {
      answer.writeHead(200, { "content-type": "application/json" });
      return answer.end(JSON.stringify({ object: "list", data: [{ id: MODEL, object: "model", created: 0, owned_by: "test" }] }));
    }
    const onward = ask(`${standIn}${asked.url}`, { method: asked.method, headers: asked.headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  for (const port of PORTS) {
    const isMine = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isMine) continue;
    const close = () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    };
    return { url: `http://127.0.0.1:${port}`, close };
  }
  throw new Error(`every port on which Ally looks for a model server is taken here: ${PORTS.join(", ")}`);
}
