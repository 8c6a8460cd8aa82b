// A picture that is too large, or of a kind that models do not read, is made to fit before it leaves: nobody shall have to
// look for a picture program because of the camera of a phone.

/** What the server takes. */
const LARGEST = (5 * 1024 * 1024 * 3) / 4;
const LONGEST_SIDE = 8000;
/** So few bytes hold no picture that is too large; and it need not be unpacked to know. */
const FEW = 300_000;
/** No model sees more. */
const ENOUGH = 2576;
const READ = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

interface Fitting {
  file: Blob;
  name: string;
}

/** The file as it is, or the picture in it made smaller. */
export async function fitting(file: File): Promise<Fitting> {
  const asItIs = { file, name: file.name };
  const isPicture = file.type.startsWith("image/") && file.type !== "image/svg+xml";
  // A film would lose its movement.
  if (!isPicture || file.type === "image/gif" || (READ.has(file.type) && file.size < FEW)) return asItIs;
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return asItIs;
  const longest = Math.max(picture.width, picture.height);
  if (READ.has(file.type) && file.size <= LARGEST && longest <= LONGEST_SIDE) {
    picture.close();
    return asItIs;
  }
  const scale = Math.min(1, ENOUGH / longest);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  if (pen) {
    // Where one can look through, JPEG would show black.
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
  picture.close();
  const small = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.88));
  return small && pen ? { file: small, name: `${file.name.replace(/\.[^.]*$/, "")}.jpg` } : asItIs;
}
