// Where the focus goes when something that a row's menu opened is closed again.

/** A row that is moved to another place is made anew there; so long it can take the focus over. */
const LONGEST = 1000;

let wanted: { name: string; list: Element | null; at: number } | null = null;

/** Gives the focus back to the menu of a row, wherever in its list the row goes meanwhile. */
export function backToMenu(row: HTMLElement | null): void {
  wanted = { name: row?.dataset.row ?? "", list: row?.closest("nav, main") ?? null, at: performance.now() };
  requestAnimationFrame(focusMenu);
}

/** For a row that has just been made. */
export function takeFocus(): void {
  if (wanted && performance.now() - wanted.at < LONGEST && document.activeElement === document.body) focusMenu();
}

function focusMenu(): void {
  if (wanted) wanted.list?.querySelector<HTMLElement>(`[data-row="${CSS.escape(wanted.name)}"] [aria-haspopup=menu]`)?.focus();
}
