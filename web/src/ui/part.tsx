// A part of the app that comes when it is first needed. Where it cannot be loaded, offline or after an update, a sentence
// in its place says so and offers another try; everything around it stays as it is, above all what was typed.
import { type ComponentType, type ReactNode, useSyncExternalStore } from "react";
import { t } from "../i18n/t";
import { Button } from "./button";

export interface Failed {
  /** How often it was tried in vain. */
  tries: number;
  again: () => void;
}

interface State<P> {
  Loaded: ComponentType<P> | null;
  tries: number;
}

/** `waiting` stands in its place until it has come. */
export type Part<P> = ((props: P & { waiting?: ReactNode }) => ReactNode) & { preload: () => Promise<void> };

export function part<P extends object>(load: () => Promise<ComponentType<P>>, Instead: ComponentType<Failed> = Line): Part<P> {
  let state: State<P> = { Loaded: null, tries: 0 };
  let loading: Promise<void> | null = null;
  const listeners = new Set<() => void>();

  function set(next: State<P>): void {
    state = next;
    for (const listener of listeners) listener();
  }
  function preload(): Promise<void> {
    loading ??= load().then(
      (Loaded) => set({ Loaded, tries: 0 }),
      () => {
        loading = null;
        set({ Loaded: null, tries: state.tries + 1 });
        addEventListener("online", () => void preload(), { once: true });
      },
    );
    return loading;
  }
  function subscribe(listener: () => void): () => void {
    listeners.add(listener);
    if (!state.Loaded && state.tries === 0) void preload();
    return () => listeners.delete(listener);
  }

  function Shown({ waiting = null, ...props }: P & { waiting?: ReactNode }) {
    const { Loaded, tries } = useSyncExternalStore(subscribe, () => state);
    if (Loaded) return <Loaded {...(props as P)} />;
    return (
      <>
        {waiting}
        {tries > 0 && <Instead tries={tries} again={() => void preload()} />}
      </>
    );
  }
  return Object.assign(Shown, { preload });
}

/** After a second try in vain an update may be the reason, which only a reload helps. */
function Line({ tries, again }: Failed) {
  return (
    <span role="status" className="flex flex-wrap items-center gap-x-2 py-1 text-[14px] text-ink-2">
      {t("part.failed")}
      <Button onClick={again}>{t("failure.again")}</Button>
      {tries > 1 && <Button onClick={() => location.reload()}>{t("failure.reload")}</Button>}
    </span>
  );
}
