/* global AdaptiveCards */
// Runs in the browser. Cards are shown as Teams would: text stays text, and no action of a card does anything here.
const colors = {
  default: { default: '#242424', subtle: '#616161' },
  accent: { default: '#5b5fc7', subtle: '#7f85f5' },
  attention: { default: '#b10e1c', subtle: '#b10e1c' },
  good: { default: '#0f7a36', subtle: '#0f7a36' },
  warning: { default: '#9a5200', subtle: '#9a5200' },
};

const host = {
  supportsInteractivity: false,
  fontFamily: 'inherit',
  spacing: { small: 6, default: 10, medium: 16, large: 24, extraLarge: 32, padding: 18 },
  separator: { lineThickness: 1, lineColor: '#e3e3e8' },
  fontSizes: { small: 12, default: 14, medium: 16, large: 20, extraLarge: 30 },
  fontWeights: { lighter: 300, default: 400, bolder: 650 },
  containerStyles: { default: { backgroundColor: '#ffffff', foregroundColors: colors } },
};

// No Markdown: what Broch sends has none, and nobody else's links belong here.
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (_, result) => {
  result.didProcess = false;
};

/** Builds a card; one that can't be shown says so and harms no other. */
function render(json) {
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig(host);
  try {
    card.parse(json);
    const element = card.render();
    if (element) return element;
  } catch (error) {
    console.error(error);
  }
  const broken = document.createElement('p');
  broken.className = 'broken';
  broken.textContent = 'This card could not be shown.';
  return broken;
}

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
let shown = 0;

async function refresh() {
  const cards = await (await fetch('/cards.json')).json();
  const list = document.getElementById('cards');
  const fresh = cards.filter(({ id }) => id > shown).reverse();
  for (const { id, at, card } of fresh) {
    const message = document.getElementById('message').content.cloneNode(true);
    const time = message.querySelector('time');
    time.dateTime = at;
    time.textContent = when.format(new Date(at));
    message.querySelector('.card').append(render(card));
    list.querySelector('.empty')?.remove();
    list.prepend(message);
    shown = id;
  }
}

async function follow() {
  // The cloud may be stopped while the page is open: it then simply stays as it is.
  await refresh().catch(() => {});
  setTimeout(follow, 2000);
}

follow();
