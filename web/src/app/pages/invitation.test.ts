import { expect, it } from "vitest";
import { invitationIn } from "./invitation";

it("an invitation is read from behind the #, and one in the query is of the older kind", () => {
  expect(invitationIn({ hash: "#invitation=abc", search: "" })).toEqual({ token: "abc", isOld: false });
  expect(invitationIn({ hash: "", search: "?invitation=abc" })).toEqual({ token: undefined, isOld: true });
  expect(invitationIn({ hash: "#invitation=abc", search: "?invitation=old" })).toEqual({ token: "abc", isOld: false });
  expect(invitationIn({ hash: "#invitation=", search: "" })).toEqual({ token: undefined, isOld: false });
  expect(invitationIn({ hash: "#top", search: "?locale=pseudo" })).toEqual({ token: undefined, isOld: false });
});
