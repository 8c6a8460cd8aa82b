// "Your own private space": how high its walls are, each of them in words, and trying them.
import { useQuery } from "@tanstack/react-query";
import { Check, TriangleAlert } from "lucide-react";
import "../../i18n/settings";
import { problemOf } from "../../api/problem";
import { accountQuery, spaceQuery } from "../../api/queries";
import { t } from "../../i18n/t";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { RailEntry } from "../../ui/rail/rail";
import { Skeleton } from "../../ui/skeleton";
import { type Wall, wallsOf } from "./wall-words";
import { Level } from "./walls-level";
import { WallsTest } from "./walls-test";

export function WallsPage() {
  const state = useQuery(spaceQuery);
  const account = useQuery(accountQuery);
  return (
    <>
      <Heading title={t("walls.title")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("walls.lead")}</p>
      <Section title={t("walls.level")}>
        {state.isPending && <Skeleton label={t("loading")} />}
        {state.isError && <ProblemNotice problem={problemOf(state.error)} />}
        {state.data && <Level space={state.data} />}
      </Section>
      <WallsTest level={state.data?.level} isAdministrator={account.data?.administrator === true} hasGaps={state.data !== undefined && state.data.missing.length > 0} />
      {state.data && (
        <Section title={t("walls.list")} hint={t("walls.list.lead")}>
          {wallsOf(state.data).map((group) => (
            <div key={group.title} className="mb-4 last:mb-0">
              <h3 className="mb-1.5 text-[14px] font-medium text-ink-2">{group.title}</h3>
              <ul>
                {group.walls.map((wall, at) => (
                  <li key={wall.name}>
                    <OneWall wall={wall} isFirst={at === 0} />
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </Section>
      )}
    </>
  );
}

function OneWall({ wall, isFirst }: { wall: Wall; isFirst: boolean }) {
  return (
    <RailEntry mark={wall.isUp ? "done" : "wait"} isSmall isFirst={isFirst} className="pb-3">
      <div data-wall={wall.name} className="flex items-baseline gap-3">
        <p className="min-w-0 flex-1 text-[14.5px]">{wall.title}</p>
        {wall.isUp ? (
          <span className="flex items-center gap-1.5 text-[13.5px] text-ok">
            <Check aria-hidden className="size-3.5" />
            {t("walls.up")}
          </span>
        ) : (
          <span className="flex items-center gap-1.5 text-[13.5px] font-medium text-wait">
            <TriangleAlert aria-hidden className="size-3.5" />
            {t("walls.missing")}
          </span>
        )}
      </div>
      {wall.lead && <p className="mt-0.5 max-w-[36rem] text-[13.5px] text-ink-2">{wall.lead}</p>}
    </RailEntry>
  );
}
