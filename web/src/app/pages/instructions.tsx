// Joins the instructions with their address: the folder stands in it.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Instructions } from "../../features/instructions/instructions-page";

export function InstructionsPage() {
  const { folder } = useSearch({ from: "/signed-in/settings/instructions" });
  const navigate = useNavigate();
  return <Instructions folder={folder} onFolder={(next) => void navigate({ to: "/settings/instructions", search: { folder: next }, replace: true })} />;
}
