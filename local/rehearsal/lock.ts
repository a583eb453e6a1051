import type { RehearsedNetwork } from './network.ts';
import type { ProgramResult } from './program.ts';

/** Asks the locker of the session, in whose process the variables of the session are. Parameters are those of the command. */
const askLocker = `set -eu
locker=$(pgrep --euid "$(id --user)" --full '(^|/)xfce4-screensaver$' | head -n 1)
for name in DISPLAY DBUS_SESSION_BUS_ADDRESS XAUTHORITY; do
  value=$(tr '\\000' '\\n' <"/proc/$locker/environ" | sed -n "s/^$name=//p")
  if [ -n "$value" ]; then export "$name=$value"; fi
done
exec timeout 10 xfce4-screensaver-command "$@"`;

const ask = ({ asResearcher }: RehearsedNetwork, option: string): Promise<ProgramResult> =>
  asResearcher(['sh', '-c', askLocker, 'sh', option]);

export const lockScreen = (network: RehearsedNetwork): Promise<ProgramResult> => ask(network, '--lock');

/** Whether the screen is locked, or undefined while no locker answers. */
export async function isScreenLocked(network: RehearsedNetwork): Promise<boolean | undefined> {
  const { output } = await ask(network, '--query');
  const match = /is (in|not )?active/.exec(output);
  return match ? match[1] === undefined : undefined;
}

/** The processes of the researcher that have this name, as text. */
export const listProcesses = async ({ onDesktop }: RehearsedNetwork, name: string): Promise<string> =>
  (await onDesktop(['pgrep', '--uid', 'researcher', '--exact', name])).output;
