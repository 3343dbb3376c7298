# The formula for a Homebrew tap. `.ci/dist render` fills in the version and the sums.
class Surge < Formula
  desc "Terminal dashboard that drives, watches and explains Kubernetes autoscaling"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/surge-v@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256_aarch64-apple-darwin@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/surge-v@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256_x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/surge-v@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256_aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/surge-v@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256_x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "surge"
    bash_completion.install "completions/surge.bash" => "surge"
    zsh_completion.install "completions/_surge"
    fish_completion.install "completions/surge.fish"
    man1.install Dir["man/*.1"]
  end

  test do
    assert_match "surge #{version}", shell_output("#{bin}/surge --version")
  end
end
