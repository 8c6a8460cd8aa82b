// Starts the app.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { whenSignedOut } from "./api/client";
import { newQueryClient } from "./api/queries";
import { newRouter } from "./app/router";
import "./styles.css";

const queries = newQueryClient();
const router = newRouter(queries);

// The session ended while a page was open: what was typed stays as a draft.
whenSignedOut(() => {
  const { pathname } = router.state.location;
  if (pathname === "/sign-in" || pathname === "/sign-up" || router.state.status === "pending") return;
  queries.clear();
  void router.navigate({ to: "/sign-in", search: { next: pathname } });
});

// A page from before an update asks for files that are gone. One reload brings the new page, where nothing would be lost
// by it and the server is there; otherwise the part that is missing says so in its place.
addEventListener("vite:preloadError", () => {
  const isTyped = [...document.querySelectorAll<HTMLInputElement>("textarea, input:not([type=checkbox], [type=radio])")].some((field) => field.value !== "");
  if (history.state?.hasReloaded || isTyped) return;
  fetch(location.href, { method: "HEAD" }).then(
    () => {
      history.replaceState({ ...history.state, hasReloaded: true }, "");
      location.reload();
    },
    () => {},
  );
});

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
