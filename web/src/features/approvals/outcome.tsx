// How a request was answered: a quiet line.
import type { ReactNode } from "react";
import type { Approval } from "../../api/types";
import "../../i18n/approvals";
import { t } from "../../i18n/t";
import { When } from "../../ui/time";

export function Outcome({ approval, origin }: { approval: Approval; origin?: ReactNode }) {
  return (
    <p className="text-[14px] text-ink-2" data-approval={approval.id}>
      {said(approval)}
      {": "}
      {approval.lines.map((line) => line.title).join(", ")}
      {approval.reason && <> · {t("approval.because", { reason: approval.reason })}</>}
      {approval.decided && (
        <>
          {" "}
          · <When at={approval.decided} className="text-ink-3" />
        </>
      )}
      {origin && <> · {origin}</>}
    </p>
  );
}

function said({ status, lines }: Approval): string {
  if (status === "approved") {
    const allowed = lines.filter((line) => line.allowed).length;
    if (allowed < lines.length) return t("approval.was.some", { allowed, all: lines.length });
    return t(lines.some((line) => line.edited) ? "approval.was.edited" : "approval.was.approved");
  }
  if (status === "expired") return t("approval.was.expired");
  if (status === "void") return t("approval.was.void");
  return t(status === "withdrawn" ? "approval.was.withdrawn" : "approval.was.rejected");
}
