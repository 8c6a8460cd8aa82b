// Waits until Ally at the first address is ready, then makes the person of `make dev`, if she is not there yet.
const [at, origin] = process.argv.slice(2);
const until = Date.now() + 30_000;
while (!(await fetch(`${at}/readyz`).catch(() => null))?.ok) {
  if (Date.now() > until) throw new Error("Ally did not become ready; its lines above say why.");
  await new Promise((later) => setTimeout(later, 50));
}
const person = { email: "mira@example.org", password: "a quiet morning", adult: true, name: "Mira" };
const answer = await fetch(`${at}/api/v1/auth/sign-up`, {
  method: "POST",
  headers: { origin, "content-type": "application/json" },
  body: JSON.stringify(person),
});
const problem = answer.ok ? null : await answer.json();
if (problem && !["sign_up_closed", "email_taken"].includes(problem.type)) {
  throw new Error(`Mira could not sign up: ${problem.title}`);
}
