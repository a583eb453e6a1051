const time = '2026-11-28T12:00:00.000Z';

const workspace = {
  status: 'failed',
  id: 'ws-001122334455',
  project: 'asthma',
  owner: 'c0747955',
  ownerName: 'rana',
  kind: 'desktop',
  size: 'small',
  requestedAt: time,
  attempt: 1,
  attemptedAt: time,
  reason: 'No image for Linux desktops is approved. An operator approves one.',
  failedAt: time,
};

/** Its machine was made from a version that has been replaced. */
const oldWorkspace = {
  ...workspace,
  image: {
    name: 'linux-desktop',
    version: 3,
    ageDays: 41,
    published: 4,
    advice:
      'This machine keeps its version when it is started again. For version 4, archive the workspace and start it: broch workspace archive asthma ws-001122334455, then broch workspace start asthma ws-001122334455. Only the home is kept.',
  },
};

const snapshot = { id: 'snap-00112233445566778', takenAt: time, madeBy: 'backup', complete: true };

/** An answer of each route about workspaces. */
export const workspaceSamples = {
  askWorkspace: workspace,
  estimateWorkspace: {
    kind: 'desktop',
    size: 'small',
    types: ['t3.large', 't3a.large'],
    hourlyMicros: 94_400,
    homeGigabytes: 50,
    hibernates: false,
    running: 3,
    runningLimit: 100,
    projectHourlyMicros: 1_200_000,
    limitHourlyMicros: 1_250_000,
    refusal:
      'With $0.09 an hour more, the project would cost $1.29 an hour; its limit is $1.25. Choose a smaller size, start it when something else has stopped, or ask your operator for a higher limit (workspaces.hourlyBudget).',
  },
  listWorkspaces: { items: [workspace, oldWorkspace] },
  showWorkspace: oldWorkspace,
  retryWorkspace: workspace,
  startWorkspace: workspace,
  stopWorkspace: workspace,
  giveWorkspace: workspace,
  setTimetable: workspace,
  resizeWorkspace: workspace,
  keepWorkspaceAwake: workspace,
  archiveWorkspace: workspace,
  deleteWorkspace: workspace,
  restoreWorkspace: workspace,
  snapshotWorkspace: snapshot,
  listSnapshots: { items: [snapshot] },
  linkWorkspace: { url: `https://gateway.example.org/?token=${'t'.repeat(120)}`, expires: time },
};
