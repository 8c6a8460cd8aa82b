// The worker in which code is coloured, so that the page never waits for it.
import { colourCode } from "./colour";

export interface Wanted {
  id: number;
  text: string;
  language: string;
}

addEventListener("message", ({ data: { id, text, language } }: MessageEvent<Wanted>) => {
  colourCode(text, language).then(
    (lines) => postMessage({ id, lines }),
    () => postMessage({ id, lines: null }),
  );
});
