// Asks through the forward proxy with the providers' own SDKs, and prints what each answered as one JSON object.
// BASE_URL is the provider behind the proxy; HEADERS is a JSON object of what goes with every request.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const baseURL = process.env.BASE_URL;
const defaultHeaders = JSON.parse(process.env.HEADERS);
const anthropic = new Anthropic({ baseURL, apiKey: 'sk-ant-1', defaultHeaders, maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: 'sk-1', defaultHeaders, maxRetries: 0 });

const pixel = 'iVBORw0KGgo=';
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const answers = {};

const claude = {
  model: 'claude-sonnet-5-5',
  max_tokens: 9,
  tools: [{ name: 'weather', input_schema: parameters }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
        { type: 'text', text: 'I am Alice.' },
      ],
    },
  ],
};
answers.anthropic = (await anthropic.messages.create(claude)).content[0].text;
answers.anthropicStream = await anthropic.messages.stream(claude).finalText();

const chat = {
  model: 'gpt-5',
  tools: [{ type: 'function', function: { name: 'weather', parameters } }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
        { type: 'text', text: 'I am Alice.' },
      ],
    },
  ],
};
answers.chat = (await openai.chat.completions.create(chat)).choices[0].message.content;
answers.chatStream = '';
for await (const chunk of await openai.chat.completions.create({ ...chat, stream: true })) {
  answers.chatStream += chunk.choices[0]?.delta?.content ?? '';
}

answers.responses = (await openai.responses.create({ model: 'gpt-5', input: 'I am Alice.' })).output_text;
answers.responsesStream = '';
for await (const event of await openai.responses.create({ model: 'gpt-5', input: 'I am Alice.', stream: true })) {
  if (event.type === 'response.output_text.delta') answers.responsesStream += event.delta;
}

const stranger = new Anthropic({
  baseURL,
  apiKey: 'sk-ant-1',
  defaultHeaders: { ...defaultHeaders, 'X-Recallr-API-Key': 'rai_wrong' },
  maxRetries: 0,
});
answers.refused = await stranger.messages.create(claude).catch((error) => `${error.status} ${error.error?.error?.type}`);

console.log(JSON.stringify(answers));
