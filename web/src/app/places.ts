// The pages of the settings: for their navigation and for the palette.
import type { Key } from "../i18n/t";

const PAGES = [
  { to: "/settings/profile", label: "settings.profile" },
  { to: "/settings/provider", label: "settings.provider" },
  { to: "/settings/instructions", label: "settings.instructions" },
  { to: "/settings/appearance", label: "settings.appearance" },
  { to: "/settings/space", label: "settings.space" },
  { to: "/settings/walls", label: "settings.walls" },
  { to: "/settings/egress", label: "settings.egress" },
  { to: "/settings/usage", label: "settings.usage" },
  { to: "/settings/import", label: "settings.import" },
  { to: "/settings/sessions", label: "settings.sessions" },
  { to: "/settings/people", label: "settings.people", isAdministratorOnly: true },
] as const satisfies ReadonlyArray<{ to: string; label: Key; isAdministratorOnly?: boolean }>;

export function settingsPages(isAdministrator: boolean) {
  return PAGES.filter((page) => !("isAdministratorOnly" in page) || isAdministrator);
}
