// Light, dark, or as the system says.
import { Monitor, Moon, Sun } from "lucide-react";
import type { ReactNode } from "react";
import { setTheme, type Theme, useTheme } from "../../app/theme";
import "../../i18n/settings";
import { type Key, t } from "../../i18n/t";
import { Heading, Section } from "../../ui/page";

const CHOICES: Array<{ theme: Theme; label: Key; hint: Key; icon: ReactNode }> = [
  { theme: "auto", label: "appearance.auto", hint: "appearance.auto.hint", icon: <Monitor aria-hidden className="size-4.5" /> },
  { theme: "light", label: "appearance.light", hint: "appearance.light.hint", icon: <Sun aria-hidden className="size-4.5" /> },
  { theme: "dark", label: "appearance.dark", hint: "appearance.dark.hint", icon: <Moon aria-hidden className="size-4.5" /> },
];

export function AppearancePage() {
  const theme = useTheme();
  return (
    <>
      <Heading title={t("settings.appearance")} site={t("brand")} />
      <p className="mt-2 mb-6 text-ink-2">{t("appearance.lead")}</p>
      <Section title={t("appearance.theme")}>
        <fieldset className="flex max-w-md flex-col gap-2">
          <legend className="sr-only">{t("appearance.theme")}</legend>
          {CHOICES.map((choice) => (
            <label key={choice.theme} className="tap flex items-center gap-3 rounded-lg border border-line bg-surface px-3.5 py-2.5 has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent">
              <input type="radio" name="theme" value={choice.theme} checked={theme === choice.theme} onChange={() => setTheme(choice.theme)} className="size-4.5 shrink-0 accent-(--accent)" />
              {choice.icon}
              <span className="flex-1">
                <span className="block font-medium">{t(choice.label)}</span>
                <span className="block text-[13.5px] text-ink-2">{t(choice.hint)}</span>
              </span>
            </label>
          ))}
        </fieldset>
      </Section>
    </>
  );
}
