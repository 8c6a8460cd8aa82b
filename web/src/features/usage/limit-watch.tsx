// Looks how far the person's limits are used; the words come only when there is something to say.
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { limitsQuery } from "../../api/queries";

const LimitNotice = lazy(() => import("./limit-notice"));

export default function LimitWatch() {
  const notice = useQuery({ ...limitsQuery, retry: false }).data?.notice;
  if (!notice) return null;
  return (
    <Suspense fallback={null}>
      <LimitNotice notice={notice} />
    </Suspense>
  );
}
