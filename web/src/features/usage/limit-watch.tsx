// Looks how far the person's limits are used; the words come only when there is something to say.
import { useQuery } from "@tanstack/react-query";
import { limitsQuery } from "../../api/queries";
import { part } from "../../ui/part";

const LimitNotice = part(async () => (await import("./limit-notice")).default, () => null);

export default function LimitWatch() {
  const notice = useQuery({ ...limitsQuery, retry: false }).data?.notice;
  if (!notice) return null;
  return <LimitNotice notice={notice} />;
}
