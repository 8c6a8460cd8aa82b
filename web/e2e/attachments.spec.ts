// Files in a message: chosen, pasted and dropped, seen on their way, looked at afterwards, and taken away again.
import { crc32, deflateSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { answers, connect, enter, finished, inFreshWorld, isAccessible, isFake, LOOKS, picture, questions, signIn, world } from "./people";

test.describe.configure({ mode: "serial" });

inFreshWorld(5);

const PLACE = "52.5200N 13.4050E";

/** A picture of one colour that says where it was taken. */
function png(width: number, height: number, colour: [number, number, number]): Buffer {
  const chunk = (name: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(name), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.concat(Array.from({ length: height }, () => Buffer.concat([Buffer.from([0]), Buffer.concat(Array.from({ length: width }, () => Buffer.from(colour)))])));
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("tEXt", Buffer.from(`GPS\0${PLACE}`)), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

const SEA = { name: "The sea at Cascais.png", mimeType: "image/png", buffer: png(640, 420, [52, 120, 150]) };
const SAND = { name: "Sand.png", mimeType: "image/png", buffer: png(300, 420, [214, 190, 140]) };
const OFFER = { name: "Offer with a long name that has to be cut somewhere.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n<</Type /Page>> <</Type /Page>>\n%%EOF\n") };
const NOTES = { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Notes\n") };
const ARCHIVE = { name: "all.zip", mimeType: "application/zip", buffer: Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 0]) };

const chips = (page: Page) => page.getByRole("list", { name: "Files that go along" }).getByRole("listitem");
const attach = (page: Page, files: { name: string; mimeType: string; buffer: Buffer }[]) => page.locator('input[type="file"]').setInputFiles(files);
/** So many files are there. */
const uploaded = (page: Page, count: number) => expect(chips(page).and(page.locator('[data-state="done"]'))).toHaveCount(count);

/** Hands files to the page as a clipboard or a mouse does. */
async function hand(page: Page, how: "paste" | "drop", file: { name: string; mimeType: string; buffer: Buffer }): Promise<void> {
  await page.evaluate(
    ({ how, name, type, bytes }) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, { type }));
      if (how === "paste") document.querySelector("textarea")?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
      else for (const step of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(step, { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    { how, name: file.name, type: file.mimeType, bytes: [...file.buffer] },
  );
}

test("files are chosen, pasted and dropped, go along with the words, and are looked at without a mouse", async ({ page }) => {
  await signIn(page);
  await connect(page);
  await page.goto("/app/");
  await expect(page.getByRole("button", { name: "Attach files" })).toBeVisible();
  await attach(page, [SEA, OFFER]);
  await hand(page, "paste", SAND);
  await hand(page, "drop", NOTES);
  await uploaded(page, 4);
  await expect(chips(page).nth(1)).toContainText("2 pages");
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await isAccessible(page);
    await picture(page, "attachments-composer", scheme, width);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("button", { name: "Remove notes.md" }).click();
  await uploaded(page, 3);
  await page.getByLabel("Message", { exact: true }).fill("Which venues fit these?");
  await page.keyboard.press("Enter");
  await expect(chips(page)).toHaveCount(0);
  await expect(finished(page)).toHaveCount(1);
  const files = questions(page).first().getByRole("list", { name: "Attached files" });
  await expect(files.getByRole("listitem")).toHaveCount(3);
  const shown = files.getByRole("button", { name: `View ${SEA.name}` }).locator("img");
  await expect.poll(() => shown.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(640);
  const bytes = await (await page.request.get((await shown.getAttribute("src")) ?? "")).body();
  expect(bytes.includes(PLACE)).toBe(isFake);
  await expect(files.getByRole("link", { name: `Download ${OFFER.name}` })).toHaveAttribute("download", OFFER.name);

  await files.getByRole("button", { name: `View ${SEA.name}` }).focus();
  await page.keyboard.press("Enter");
  const viewer = page.getByRole("dialog", { name: SEA.name });
  await expect(viewer).toBeVisible();
  await expect(viewer.getByRole("status")).toHaveText("1 of 2");
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await isAccessible(page);
    await picture(page, "attachments-viewer", scheme, width);
  }
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("dialog", { name: SAND.name })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(files.getByRole("button", { name: `View ${SEA.name}` })).toBeFocused();
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await isAccessible(page);
    await picture(page, "attachments-thread", scheme, width);
  }
  await page.reload();
  await expect(files.getByRole("listitem")).toHaveCount(3);
});

test("what was uploaded is kept with the draft, and a message may be files only", async ({ page }) => {
  await enter(page);
  await attach(page, [NOTES]);
  await uploaded(page, 1);
  await page.reload();
  await uploaded(page, 1);
  await page.getByRole("button", { name: "Send" }).click();
  await expect(questions(page).getByRole("link", { name: "Download notes.md" })).toBeVisible();
  await expect(finished(page)).toHaveCount(1);
  await page.goto("/app/");
  await expect(page.getByLabel("Message", { exact: true })).toBeVisible();
  await expect(chips(page)).toHaveCount(0);
});

test("sending waits for what is on its way; what is refused says why and keeps nothing back", async ({ page }) => {
  await enter(page);
  await world(page, { upload: 500 });
  await page.getByLabel("Message", { exact: true }).fill("Which venues fit this?");
  await attach(page, [SAND]);
  await expect(chips(page)).toHaveCount(1);
  await page.getByLabel("Message", { exact: true }).press("Enter");
  await expect(questions(page)).toHaveCount(1);
  await expect(questions(page).getByRole("button", { name: "View Sand.png" })).toBeVisible();
  await expect(finished(page)).toHaveCount(1);
  await world(page, { upload: 0 });

  await attach(page, [ARCHIVE, NOTES]);
  await expect(chips(page).getByRole("alert")).toContainText("A model cannot read files of this type.");
  await isAccessible(page);
  await picture(page, "attachments-refused", "light", 1280);
  await page.getByLabel("Message", { exact: true }).fill("And this?");
  await page.keyboard.press("Enter");
  await expect(questions(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Remove all.zip" }).click();
  await page.getByLabel("Message", { exact: true }).press("Enter");
  await expect(questions(page)).toHaveCount(2);
  await expect(answers(page)).toHaveCount(2);
});

test("a version of a message keeps its files, and one of them can be taken away", async ({ page }) => {
  await enter(page);
  await attach(page, [SAND, NOTES]);
  await uploaded(page, 2);
  await page.getByLabel("Message", { exact: true }).fill("Which venues fit?");
  await page.keyboard.press("Enter");
  await expect(finished(page)).toHaveCount(1);
  await questions(page).first().getByRole("button", { name: "Edit the message" }).click();
  await page.getByRole("button", { name: "Remove notes.md" }).click();
  await page.getByLabel("Your message, edited").press("Enter");
  await expect(questions(page).getByRole("status", { name: "Version 2 of 2" })).toBeVisible();
  await expect(questions(page).getByRole("link", { name: "Download notes.md" })).toHaveCount(0);
  await expect(questions(page).getByRole("button", { name: "View Sand.png" })).toBeVisible();
  await page.getByRole("button", { name: "Earlier version" }).click();
  await expect(questions(page).getByRole("link", { name: "Download notes.md" })).toBeVisible();
});
