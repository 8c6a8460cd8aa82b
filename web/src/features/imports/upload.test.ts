import { beforeEach, expect, test, vi } from "vitest";
import type { ImportChat } from "../../api/imports";
import { ProblemError } from "../../api/problem";
import { matching } from "./matching";
import { send } from "./upload";

/** A server that has so many bytes, and refuses the next calls as it is told: 0 stands for no network. */
const server = vi.hoisted(() => ({ received: [] as Array<[number, number]>, has: 0, size: 0, refusals: [] as Array<number | null> }));

vi.mock("../../api/imports", () => {
  const answer = () => ({ id: "imp_1", state: server.has < server.size ? "receiving" : "checking", size: server.size, received: server.has });
  const call = async (act: () => void = () => undefined) => {
    const status = server.refusals.shift() ?? null;
    if (status === 0) throw new TypeError("no network");
    if (status !== null) throw new ProblemError({ kind: "x", status, title: "x" });
    act();
    return answer();
  };
  return {
    imports: {
      begin: (size: number) => call(() => (server.size = size)),
      get: () => call(),
      send: (_: string, offset: number, piece: Blob) =>
        call(() => {
          server.received.push([offset, piece.size]);
          server.has = offset + piece.size;
        }),
    },
  };
});

beforeEach(() => Object.assign(server, { received: [], has: 0, size: 0, refusals: [] }));
const file = (size: number) => new File([new Uint8Array(size)], "x.zip");
const now = () => Promise.resolve();

test("a file goes in pieces, and goes on where it was when the connection broke", async () => {
  // It is begun, a piece arrives, the next does not, the question how far it is does not either; then all goes on.
  server.refusals = [null, null, 0, 503];
  const done = await send({ file: file(2_500_000) }, () => undefined, new AbortController().signal, now);
  expect(done.state).toBe("checking");
  expect(server.received).toEqual([[0, 1_000_000], [1_000_000, 1_000_000], [2_000_000, 500_000]]);
});

test("what will not pass by itself is said at once, and can be gone on with later", async () => {
  const upload: { file: File; id?: string } = { file: file(2_000_000) };
  server.refusals = [null, null, 507];
  await expect(send(upload, () => undefined, new AbortController().signal, now)).rejects.toMatchObject({ problem: { status: 507 } });
  expect(upload.id).toBe("imp_1");
  await send(upload, () => undefined, new AbortController().signal, now);
  expect(server.received).toEqual([[0, 1_000_000], [1_000_000, 1_000_000]]);
});

test("a title is found by its words, whatever their order, size and accents", () => {
  const chats = ["Reise nach Évora", "Évora und die Reise", "Garten"].map((title, number) => ({ title, number })) as ImportChat[];
  expect(matching(chats, "reise evora").map((chat) => chat.number)).toEqual([0, 1]);
  expect(matching(chats, " ")).toHaveLength(3);
});
