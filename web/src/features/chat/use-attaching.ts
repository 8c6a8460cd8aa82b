// The files of the next message, as the composer sees them. What uploads them comes behind the composer.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Attachment } from "../../api/types";
import { readDraft, readDraftFiles, writeDraft } from "../../app/storage";
import type { Item, Uploads } from "./uploads";

export interface Attaching {
  items: readonly Item[];
  uploads: Uploads | null;
  add: (files: Iterable<File>) => void;
  /** Waits until all files are there; null when one of them is not to be had. */
  ready: () => Promise<Attachment[] | null>;
  sent: (files: readonly Attachment[]) => void;
}

const NONE: readonly Item[] = [];
const nobody = () => () => {};
const nothing = () => NONE;

export const attachingParts = () => import("./attaching");

/** `place` is the chat whose draft keeps them, `isKept` whether it does. */
export function useAttaching(place: string, isKept: boolean): Attaching {
  const [uploads, setUploads] = useState<Uploads | null>(null);
  const items = useSyncExternalStore(uploads?.subscribe ?? nobody, uploads?.items ?? nothing);
  const coming = useRef<Promise<Uploads>>(null);

  const load = useCallback((act: (uploads: Uploads) => void) => {
    coming.current ??= attachingParts().then((parts) => {
      const made = new parts.Uploads();
      setUploads(made);
      return made;
    });
    // Where it cannot be loaded there is nothing to attach with; the draft keeps its files.
    coming.current.then(act, () => (coming.current = null));
  }, []);

  useEffect(() => {
    const kept = readDraftFiles(place);
    if (kept.length > 0) load((made) => made.restore(kept));
  }, [place, load]);

  useEffect(() => {
    if (uploads) writeDraft(place, isKept ? readDraft(place) : "", isKept ? items.flatMap((item) => item.file ?? []) : []);
  }, [uploads, items, place, isKept]);

  return {
    items,
    uploads,
    add: (files) => {
      const chosen = [...files];
      if (chosen.length > 0) load((made) => made.add(chosen));
    },
    ready: async () => (await coming.current)?.ready() ?? [],
    sent: (files) => {
      uploads?.sent(files);
      if (files.length > 0) writeDraft(place, readDraft(place), []);
    },
  };
}
