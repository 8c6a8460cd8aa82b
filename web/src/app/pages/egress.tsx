// Joins "Where my data went" with its address: the range of days stands in it.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Egress } from "../../features/settings/egress";

export function EgressPage() {
  const { days = 30 } = useSearch({ from: "/signed-in/settings/egress" });
  const navigate = useNavigate();
  return <Egress days={days} onDays={(next) => void navigate({ to: "/settings/egress", search: { days: next === 30 ? undefined : next }, replace: true })} />;
}
