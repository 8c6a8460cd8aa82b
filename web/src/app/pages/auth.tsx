// Joins the sign-in and sign-up forms with the addresses around them.
import { Link, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { SignIn } from "../../features/auth/sign-in";
import { SignUp } from "../../features/auth/sign-up";
import "../../i18n/auth";
import { t } from "../../i18n/t";
import { Mark } from "../mark";
import { useInvitation } from "./invitation";

const LINK = "font-medium text-accent underline underline-offset-3";

export function SignInPage() {
  const { next } = useSearch({ from: "/sign-in" });
  const router = useRouter();
  return (
    <SignIn
      mark={<Mark className="size-7" />}
      signUpLink={
        <>
          {t("auth.sign_in.new")}{" "}
          <Link to="/sign-up" className={LINK}>
            {t("auth.sign_up.link")}
          </Link>
        </>
      }
      onSignedIn={() => router.history.push(`/app${next ?? "/"}`)}
    />
  );
}

export function SignUpPage() {
  const { token, isOld } = useInvitation();
  const navigate = useNavigate();
  return (
    <SignUp
      mark={<Mark className="size-7" />}
      key={token}
      invitation={token}
      isOldLink={isOld}
      signInLink={
        <>
          {t("auth.sign_up.known")}{" "}
          <Link to="/sign-in" search={{ next: undefined }} className={LINK}>
            {t("auth.sign_in.link")}
          </Link>
        </>
      }
      onSignedIn={() => void navigate({ to: "/" })}
    />
  );
}
