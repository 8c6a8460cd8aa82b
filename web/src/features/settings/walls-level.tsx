// How high the walls are, in one sentence.
import "../../i18n/settings";
import type { Space } from "../../api/types";
import { t } from "../../i18n/t";
import { RailEntry } from "../../ui/rail/rail";
import { levelInWords, wallsOf } from "./wall-words";

export function Level({ space }: { space: Space }) {
  const words = levelInWords(space.level);
  const all = wallsOf(space).flatMap((group) => group.walls);
  const up = all.filter((wall) => wall.isUp).length;
  return (
    <RailEntry mark={up === all.length ? "done" : "wait"} isFirst className="pb-0!">
      {words && <p className="font-medium">{words.title}</p>}
      {words?.lead && <p className="mt-0.5 max-w-[42rem] text-[14.5px] text-ink-2">{words.lead}</p>}
      <p className="num mt-0.5 text-[14.5px] text-ink-2">{t("walls.count", { up, all: all.length })}</p>
    </RailEntry>
  );
}
