/**
 * Who the person in front of the page is: administrative access may change everything; members of
 * the group tetras-back may run backups and take disks away, as the rules of polkit let them.
 */

const GROUP = "tetras-back";
const OPERATORS = new Set(["RunBackup", "CancelBackup", "Unplug", "CancelJob", "Hold", "Release"]);

/** @param {Send} send */
export function watchAccess(send) {
  const admin = cockpit.permission({ admin: true });
  let operator = false;
  const tell = () => {
    if (admin.allowed === null) return;
    send({ type: "access", access: admin.allowed ? "admin" : operator ? "operator" : "none" });
  };
  admin.addEventListener("changed", tell);
  tell();
  cockpit.user().then((user) => {
    operator = user.groups?.includes(GROUP) ?? false;
    tell();
  });
}

/**
 * Whether a call of MEMBER has a chance; polkit has the last word.
 *
 * @param {Access} access
 * @param {string} member
 */
export const may = (access, member) =>
  access === "admin" || (access === "operator" && OPERATORS.has(member));
