// The sentence beside the composer that names who gets what is written.
import { useQuery } from "@tanstack/react-query";
import { providerQuery } from "../../api/queries";
import type { Provider } from "../../api/types";
import { t } from "../../i18n/t";

export function Destination() {
  const { data } = useQuery(providerQuery);
  return <>{data ? sentTo(data) : "\u00a0"}</>;
}

export function sentTo(provider: Provider): string {
  if (!provider.connected) return t("chat.sent_to.nobody");
  const { model } = provider;
  if (provider.source === "local") return t("chat.sent_to.local", { model: model ?? "none" });
  const name = providerName(provider.provider);
  if (provider.source === "own_key") return model ? t("chat.sent_to.own.model", { provider: name, model }) : t("chat.sent_to.own", { provider: name });
  return model ? t("chat.sent_to.installation.model", { provider: name, model }) : t("chat.sent_to.installation", { provider: name });
}

export function providerName(provider: string | null | undefined): string {
  if (provider === "anthropic") return t("provider.anthropic");
  if (provider === "openai_compatible") return t("provider.openai_compatible");
  return provider ?? t("provider.unknown");
}
