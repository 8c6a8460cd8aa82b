// Who is signed in, and leaving.
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { auth } from "../api/calls";
import { accountQuery } from "../api/queries";
import type { Account } from "../api/types";
import { write } from "./storage";

export function useAccount(): Account {
  return useSuspenseQuery(accountQuery).data;
}

/** Ends the session here and forgets what this tab knew. */
export function useSignOut(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await auth.signOut();
    write("drafts", null);
    queries.clear();
    location.assign("/app/sign-in");
  };
}
