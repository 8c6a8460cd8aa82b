// The invitation in the link that a person opened. It stands behind the "#", which no server and no log ever sees.
import { useEffect, useState } from "react";

export interface Invitation {
  token?: string;
  /** The link carries its token where servers see it: it is of the older kind and does not count. */
  isOld: boolean;
}

/** What an address says about an invitation. */
export function invitationIn({ hash, search }: { hash: string; search: string }): Invitation {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("invitation");
  return { token: token || undefined, isOld: !token && new URLSearchParams(search).has("invitation") };
}

/** Reads the invitation once and takes it out of the address bar, the history and the next copy of the address. */
export function useInvitation(): Invitation {
  const [found, setFound] = useState(() => invitationIn(location));
  useEffect(() => {
    function take() {
      const now = invitationIn(location);
      if (!now.token && !now.isOld) return;
      setFound(now);
      const rest = new URLSearchParams(location.search);
      rest.delete("invitation");
      history.replaceState(history.state, "", `${location.pathname}${rest.size > 0 ? `?${rest}` : ""}`);
    }
    take();
    // A second link that is opened in this tab changes only what stands behind the "#".
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  return found;
}
