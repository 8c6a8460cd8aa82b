// Versions of messages, as the real server keeps them: a tree, and for each place the version that was chosen.
// Everything that was ever said in a chat stays in its list; what is shown is the way along the chosen ones.

/** What is shown of a chat, oldest first. */
export function shown(all, chosen) {
  const way = [];
  for (let parent; ; parent = way.at(-1).id) {
    const versions = all.filter((message) => message.parent === parent);
    if (versions.length === 0) return way;
    way.push(versions.find((message) => chosen.has(message.id)) ?? versions[0]);
  }
}

/** Shows a version and all that leads to it. Answers the last message that stays, if it changed anything. */
export function choose(all, chosen, id) {
  const before = shown(all, chosen);
  if (before.some((message) => message.id === id)) return null;
  for (let one = all.find((message) => message.id === id); one; one = all.find((message) => message.id === one.parent)) {
    for (const sibling of all.filter((message) => message.parent === one.parent)) chosen.delete(sibling.id);
    chosen.add(one.id);
  }
  const after = new Set(shown(all, chosen));
  return { after: before.findLast((message) => after.has(message))?.id };
}

/** Writes into each message which others stand in its place. */
export function count(all) {
  for (const message of all) {
    const siblings = all.filter((one) => one.parent === message.parent).map((one) => one.id);
    Object.assign(message, { version: siblings.indexOf(message.id) + 1, versions: siblings.length });
    if (siblings.length > 1) message.siblings = siblings;
  }
}
