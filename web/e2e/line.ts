// The line between the browser and Ally, as a proxy that a test can cut: the browser keeps its address and its origin.
import { createServer, request as ask } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface Line {
  /** For `proxy: { server }` of a browser context. */
  address: string;
  /** Ends every connection and lets none through until `mend`. */
  cut: () => void;
  mend: () => void;
  close: () => Promise<void>;
}

export async function newLine(): Promise<Line> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((asked, answer) => {
    if (isCut) return asked.socket.destroy();
    const onward = ask(asked.url ?? "", { method: asked.method, headers: asked.headers, agent: false }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answer.flushHeaders();
      answered.on("error", () => answer.destroy()).pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  // The tests' own requests, which Playwright sends through a tunnel.
  server.on("connect", (asked, near: Socket, head) => {
    const { hostname, port } = new URL(`http://${asked.url}`);
    const far = connect(Number(port), hostname, () => {
      near.write("HTTP/1.1 200 Connection established\r\n\r\n");
      far.write(head);
      near.pipe(far).pipe(near);
    });
    far.on("error", () => near.destroy());
    near.on("error", () => far.destroy()).on("close", () => far.destroy());
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    if (isCut) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      isCut = false;
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
