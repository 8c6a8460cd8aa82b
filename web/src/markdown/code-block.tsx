// Code with its language and a way to copy it.
import { t } from "../i18n/t";
import { CopyButton } from "../ui/copy-button";

export function CodeBlock({ text, lang }: { text: string; lang: string }) {
  return (
    <div className="md-code">
      <div className="md-code-head">
        <span>{lang || t("markdown.code.plain")}</span>
        <CopyButton text={text} label={t("markdown.code.copy")} isNamed />
      </div>
      <pre tabIndex={0} aria-label={lang ? t("markdown.code.named", { lang }) : t("markdown.code")}>
        <code>{text}</code>
      </pre>
    </div>
  );
}
