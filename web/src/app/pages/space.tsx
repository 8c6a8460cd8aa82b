// Joins the person's space with the page of its walls.
import { Link } from "@tanstack/react-router";
import { SpacePage as Space } from "../../features/settings/space";
import "../../i18n/settings";
import { t } from "../../i18n/t";
import { buttonClass } from "../../ui/button";

export function SpacePage() {
  return (
    <Space
      wallsLink={
        <Link to="/settings/walls" className={buttonClass("plain")}>
          {t("space.walls.open")}
        </Link>
      }
    />
  );
}
