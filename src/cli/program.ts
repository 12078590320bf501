/**
 * The command line: what can be typed, and its help. Commands are loaded when they run.
 */
import { Command, Option } from "commander";
import { version } from "../version.node.ts";
import { collect, real, whole, wholeList } from "./arguments.ts";
import { command as call } from "./package.ts";
import { note } from "./show.ts";

const device = () => new Option("--device <name>", "where to compute: cpu, webgpu, cuda, coreml, dml").default("cpu");
const threads = () => new Option("--threads <n>", "threads (default: all cores)").argParser(whole(1));
const json = () => new Option("--json", "print the result as JSON, and nothing else");

const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  ${call} ${line}`).join("\n")}\n`;

/** Options of the commands that draw images. */
function drawing(command: Command): Command {
  return command
    .option("--count <n>", "images", whole(1))
    .option("--solver <name>", "any solver, such as ddim; an unknown one lists them (default: the recipe's)")
    .option("--steps <n>", "steps of the solver", whole(1))
    .option("--set <option=value>", "an option of the solver, such as eta=1; may be repeated", collect)
    .option("--seed <n>", "chooses the images", whole(0))
    .option("--guidance <scale>", "classifier-free guidance; 1 is none", real(0))
    .option("--class <labels>", "classes to draw, such as 3 or 0,1,2 (default: all in turn)", wholeList)
    .option("--batch <n>", "images at a time", whole(1))
    .option("--recipe <name>", "what the network was trained for, where the folder does not say")
    .addOption(device())
    .addOption(threads())
    .addOption(json());
}

/** The program; `done` is told the exit code of the command that ran. */
export function makeProgram(done: (exitCode: number) => void): Command {
  const program = new Command("langevin")
    .description("Train, sample and look inside diffusion models.")
    .version(version, "-v, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "langevin: ")) })
    .addHelpText(
      "after",
      `${examples("demo", "train digits", "sample runs/digits --count 100", "studio")}
${call} <command> --help shows the options of a command.\n`,
    )
    .exitOverride();

  program
    .command("demo")
    .description("draw digits with the weights that ship, then train a fresh model in five minutes")
    .option("--seconds <n>", "time for the training and its pictures (default: 300)", whole(1))
    .option("--out <folder>", "where to write (default: runs/demo)")
    .option("--seed <n>", "chooses the beginning, the noise and the images", whole(0))
    .addOption(device())
    .addOption(threads())
    .action(async (options) => done(await (await import("./commands/demo.ts")).demoCommand(options)));

  program
    .command("train")
    .description("train a recipe into a run folder, or go on with a run")
    .argument("[recipe]", "its name; `langevin recipes` lists them")
    .option("--out <folder>", "the run folder (default: runs/<recipe>)")
    .option("--data <what>", "digits, fashion, moons (or other points), or the path of a folder of images")
    .option("--teacher <folder>", "the run folder of the trained network that a recipe distils")
    .option("--size <pixels>", "width and height, for folders of images", whole(1))
    .option("--steps <n>", "updates of the weights", whole(1))
    .option("--batch <n>", "images in a step", whole(1))
    .option("--seed <n>", "all randomness follows from it", whole(0))
    .option("--set <field=value>", "any field of the recipe, such as training.clip=1; may be repeated", collect)
    .option("--resume <folder>", "go on with a run, where its last checkpoint is")
    .option("--sample-every <n>", "steps between two grids of samples, 0 for none (default: four in all)", whole(0))
    .option("--studio", "serve the studio while it trains, to watch the run in a browser")
    .option("--no-pictures", "draw no pictures at the end")
    .option("--skip-bad", "leave out files that are no usable images")
    .addOption(device())
    .addOption(threads())
    .addOption(json())
    .addHelpText(
      "after",
      `${examples(
        "train digits",
        "train ddpm-folder --data flowers/ --size 32 --steps 20000",
        "train digits --set training.learningRate.peak=1e-3 --out runs/slower",
        "train --resume runs/digits",
      )}
On many machines: mpirun -n 4 ${call} train digits; --batch is then that of each rank.
Ctrl-C finishes the step and saves; a second one quits at once.\n`,
    )
    .action(async (name, options) => done(await (await import("./commands/train.ts")).trainCommand(name, options)));

  drawing(
    program
      .command("sample")
      .description("draw images from a run folder, or from a model of diffusers")
      .argument("<folder>", "a run folder, or one with config.json and diffusion_pytorch_model.safetensors")
      .option("--out <path>", "a grid (file.png), or a folder for single images")
      .option("--trace <file>", "also write the way from noise to image: a strip (.png), an animation (.webp, .gif)"),
  )
    .addHelpText(
      "after",
      examples(
        "sample runs/digits --count 100 --seed 1",
        "sample runs/ddpm-digits --solver ddim --steps 20 --set eta=0.5 --trace way.webp",
        "sample runs/toy-flow --steps 8 --trace strip.png",
        "sample runs/digits --count 1000 --out drawn/",
      ),
    )
    .action(async (folder, options) =>
      done(await (await import("./commands/sample.ts")).sampleCommand(folder, options)),
    );

  drawing(
    program
      .command("evaluate")
      .description("judge the digits or points that a run draws, beside real ones")
      .argument("<folder>", "a run folder"),
  )
    .option("--likelihood <n>", "instead, bits per dimension of so many held-out images", whole(2))
    .addHelpText(
      "after",
      examples(
        "evaluate runs/digits",
        "evaluate runs/digits --count 5000 --json",
        "evaluate runs/improved-ddpm --likelihood 64",
      ),
    )
    .action(async (folder, options) =>
      done(await (await import("./commands/evaluate.ts")).evaluateCommand(folder, options)),
    );

  program
    .command("studio")
    .description("train, sample and look inside in the browser, and watch the runs of a folder")
    .argument("[folder]", "a folder with run folders, or one run folder (default: runs)")
    .option("--port <n>", "where to serve; 0 is any free one (default: 4726, or the next that is free)", whole(0))
    .option("--no-open", "do not open the browser")
    .addHelpText(
      "after",
      `${examples("studio", "studio runs/digits --no-open --port 8000")}
Ctrl-C ends it.\n`,
    )
    .action(async (folder, options) =>
      done(await (await import("./commands/studio.ts")).studioCommand(folder, options)),
    );

  program
    .command("schedule")
    .description("draw paths from data to noise side by side, and print them")
    .argument("<path...>", `names, such as linear, or with options: '{"name":"cosine","timesteps":500}'`)
    .option("--out <file>", "where to draw them, as .svg or .png")
    .option("--points <n>", "times in the table", whole(2), 11)
    .addOption(json())
    .addHelpText(
      "after",
      examples(
        "schedule linear cosine straightLine --out schedule.svg",
        `schedule linear '{"name":"linear","timesteps":500}' --points 5`,
      ),
    )
    .action(async (paths, options) =>
      done(await (await import("./commands/schedule.ts")).scheduleCommand(paths, options)),
    );

  program
    .command("inspect")
    .description("show what a recipe or a run is made of, or check a folder before use")
    .argument("<what>", "a recipe, a run folder, a folder of diffusers, or a folder of images")
    .option("--all", "every parameter, not only the blocks")
    .option("--batch <n>", "images in a step, for the memory estimate", whole(1))
    .addOption(json())
    .addHelpText("after", examples("inspect ddpm-cifar10", "inspect runs/digits --all", "inspect flowers/"))
    .action(async (what, options) => done(await (await import("./commands/inspect.ts")).inspectCommand(what, options)));

  program
    .command("recipes")
    .description("list what can be trained; langevin.config.ts adds a project's own")
    .addOption(json())
    .action(async (options) => done(await (await import("./commands/recipes.ts")).recipesCommand(options)));

  for (const command of program.commands)
    command.showHelpAfterError(`${call} ${command.name()} --help shows what can be given`);
  program.showHelpAfterError(`${call} --help shows the commands`);
  return program;
}

/** Runs a command line; the arguments without node and the script. Returns the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const { outcomeOf } = await import("./exit.ts");
  let exitCode = 0;
  try {
    const program = makeProgram((code) => {
      exitCode = code;
    });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    const [code, text] = outcomeOf(error, process.env);
    if (text !== undefined) note(text);
    return code;
  }
}
