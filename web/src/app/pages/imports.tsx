// Joins the imports with the way to the chats that came of them.
import { Link } from "@tanstack/react-router";
import { Imports } from "../../features/imports/imports-page";

export function ImportsPage() {
  return (
    <Imports
      chatsLink={(children) => (
        <Link to="/chats" className="text-accent underline underline-offset-2">
          {children}
        </Link>
      )}
    />
  );
}
