# Of every build and machine behind the mirror: ". ./environment.sh" or the same variables in the CI's settings.
# The address of the repository in Artifactory, Nexus or another one that speaks the Hub's protocol:
export HF_ENDPOINT="${HF_ENDPOINT:-https://artifactory.example/artifactory/api/huggingfaceml/models}"
# Its own token, and not the Hub's: ask whoever runs it. From a file that nobody else reads.
HF_TOKEN="$(cat "${MIRROR_TOKEN_FILE:-$HOME/.mirror-token}")"
export HF_TOKEN
# Where a proxy of the company opens TLS: its certificate, for all Python clients at once.
if [ -n "${COMPANY_CA:-}" ]; then
  export SSL_CERT_FILE="$COMPANY_CA" REQUESTS_CA_BUNDLE="$COMPANY_CA"
fi
