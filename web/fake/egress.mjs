// What left the fake backend, and which hosts it takes.

const HOSTS = ["api.anthropic.com", "example.org", "calendar.a-rather-long-host-name.example.net"];

/** Some rows for each of the days before today, the same on every call. */
export function days(how_many) {
  return Array.from({ length: how_many }, (_, back) => {
    const day = new Date(Date.now() - (back + 1) * 86_400_000).toISOString().slice(0, 10);
    return HOSTS.slice(0, 1 + (back % HOSTS.length)).map((host, at) => ({ host, day, calls: 3 + ((back * 7 + at * 5) % 40), refused: at === 1 ? back % 4 : 0, sent: 900 + back * 31_337 + at * 512, received: 4_200 + back * 91_003 + at * 1_048_576 }));
  }).flat();
}

export function hostProblem(host, port) {
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) return { type: "egress_port_invalid", title: "This is not a port.", next_step: "Write a number from 1 to 65535.", field: "port" };
  if (/^(localhost|127\.|10\.|192\.168\.|169\.254\.|\[?::1)/i.test(host)) return { type: "egress_host_private", title: "This address is inside the machine or its network.", next_step: "Name a host on the internet. The administrator can allow a single private one.", field: "host" };
  if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/i.test(host)) return { type: "egress_host_invalid", title: "This is not the name of a host.", next_step: "Write it without https:// and without a path, such as example.org.", field: "host" };
  return null;
}
